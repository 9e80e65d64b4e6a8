"""The grammar of `${...}` after a build, to the letter of fluxcd/pkg envsubst, oddities included."""
