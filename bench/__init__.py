"""Each headline figure of kseal, beside the real program of the same job, measured in the same run."""
