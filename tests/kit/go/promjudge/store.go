package main

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// store holds a few series in memory, so that no database has to be built in.
type store []*storage.SeriesEntry

func newStore(described map[string]string) (store, error) {
	made := store{}
	for selector, values := range described {
		metric, sequence, err := reader.ParseSeriesDesc(selector + " " + values)
		if err != nil {
			return nil, err
		}
		samples := []chunks.Sample{}
		for minute, value := range sequence {
			if !value.Omitted {
				samples = append(samples, sample{int64(minute) * interval.Milliseconds(), value.Value})
			}
		}
		made = append(made, storage.NewListSeries(metric, samples))
	}
	slices.SortFunc(made, func(a, b *storage.SeriesEntry) int { return labels.Compare(a.Lset, b.Lset) })
	return made, nil
}

func (s store) Querier(_, _ int64) (storage.Querier, error) { return querier{s}, nil }

type querier struct{ store store }

func (q querier) Select(
	_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher,
) storage.SeriesSet {
	found := []storage.Series{}
	for _, series := range q.store {
		fits := func(matcher *labels.Matcher) bool { return matcher.Matches(series.Lset.Get(matcher.Name)) }
		if !slices.ContainsFunc(matchers, func(matcher *labels.Matcher) bool { return !fits(matcher) }) {
			found = append(found, series)
		}
	}
	return &seriesSet{found: found}
}

func (querier) LabelValues(
	context.Context, string, *storage.LabelHints, ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) LabelNames(
	context.Context, *storage.LabelHints, ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) Close() error { return nil }

type seriesSet struct {
	found []storage.Series
	next  int
}

func (s *seriesSet) Next() bool                      { s.next++; return s.next <= len(s.found) }
func (s *seriesSet) At() storage.Series              { return s.found[s.next-1] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a number at a time in milliseconds.
type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                    { return s.t }
func (s sample) ST() int64                   { return 0 }
func (s sample) F() float64                  { return s.f }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
