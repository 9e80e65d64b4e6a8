"""From a folder of a source to the objects that it means: plain folders, and kustomizations of every kind."""
