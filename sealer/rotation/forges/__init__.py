"""Pull requests and merge requests, by the HTTP API of GitHub, GitLab or Gitea: `base.py`, and one file for each."""
