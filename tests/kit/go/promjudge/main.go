// Command promjudge says what Prometheus makes of queries and alerting rules.
//
// One question comes on standard input as JSON, and one answer goes to standard output as JSON. What is asked is the
// first argument:
//
//	queries  a list of expressions: per expression the names of the metrics it selects, or the parser's error
//	rules    {"text": a rule file}: all that the loader of rule files finds wrong with it
//	firing   {"text": a rule file, "series": {selector: values, as in a test of promtool}, "minutes": when}:
//	         the alerts that fire then, with their labels; series and rules are looked at once a minute
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

const interval = time.Minute

var reader = parser.NewParser(parser.Options{})

// Query is what the parser makes of one expression.
type Query struct {
	Metrics []string `json:"metrics"`
	Error   string   `json:"error"`
}

// Test is a rule file and what it is tried on.
type Test struct {
	Text    string            `json:"text"`
	Series  map[string]string `json:"series"`
	Minutes int               `json:"minutes"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "promjudge:", err)
		os.Exit(1)
	}
}

func run(asked string) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	if asked == "queries" {
		var expressions []string
		if err := in.Decode(&expressions); err != nil {
			return err
		}
		answers := []Query{}
		for _, expression := range expressions {
			answers = append(answers, query(expression))
		}
		return out.Encode(answers)
	}
	var test Test
	if err := in.Decode(&test); err != nil {
		return err
	}
	groups, problems := load(test.Text)
	if asked == "rules" {
		return out.Encode(problems)
	}
	if len(problems) > 0 {
		return fmt.Errorf("rules: %s", problems[0])
	}
	firing, err := firing(groups, test)
	if err != nil {
		return err
	}
	return out.Encode(firing)
}

func query(expression string) Query {
	parsed, err := reader.ParseExpr(expression)
	if err != nil {
		return Query{Error: err.Error()}
	}
	answer := Query{Metrics: []string{}}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, is := node.(*parser.VectorSelector); is {
			answer.Metrics = append(answer.Metrics, selector.Name)
		}
		return nil
	})
	return answer
}

func load(text string) (*rulefmt.RuleGroups, []string) {
	groups, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, reader, slog.New(slog.DiscardHandler))
	problems := []string{}
	for _, err := range errs {
		problems = append(problems, err.Error())
	}
	return groups, problems
}

// firing evaluates each rule as Prometheus does: an alert fires once its expression has held for as long as `for` says.
func firing(groups *rulefmt.RuleGroups, test Test) ([]map[string]string, error) {
	store, err := newStore(test.Series)
	if err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: reader})
	found := []map[string]string{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			since := map[string]time.Time{}
			var vector promql.Vector
			for minute := 0; minute <= test.Minutes; minute++ {
				now := time.Unix(0, 0).Add(time.Duration(minute) * interval)
				if vector, err = evaluate(engine, store, rule.Expr, now); err != nil {
					return nil, fmt.Errorf("%s: %w", rule.Alert, err)
				}
				since = stillActive(since, vector, now)
			}
			end := time.Unix(0, 0).Add(time.Duration(test.Minutes) * interval)
			for _, sample := range vector {
				if end.Sub(since[sample.Metric.String()]) >= time.Duration(rule.For) {
					alert := withoutName(sample.Metric)
					alert["alertname"] = rule.Alert
					found = append(found, alert)
				}
			}
		}
	}
	return found, nil
}

func evaluate(engine *promql.Engine, store store, expression string, now time.Time) (promql.Vector, error) {
	asked, err := engine.NewInstantQuery(context.Background(), store, nil, expression, now)
	if err != nil {
		return nil, err
	}
	defer asked.Close()
	vector, err := asked.Exec(context.Background()).Vector()
	return slices.Clone(vector), err // closing takes back what the result is kept in
}

// stillActive says since when each element has been there without a gap.
func stillActive(before map[string]time.Time, vector promql.Vector, now time.Time) map[string]time.Time {
	active := map[string]time.Time{}
	for _, sample := range vector {
		name := sample.Metric.String()
		active[name] = now
		if since, was := before[name]; was {
			active[name] = since
		}
	}
	return active
}

func withoutName(metric labels.Labels) map[string]string {
	return metric.DropReserved(func(name string) bool { return name == model.MetricNameLabel }).Map()
}
