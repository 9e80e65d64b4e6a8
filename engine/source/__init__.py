"""Where desired state comes from: resolve a revision, fetch its files, keep them as artifacts, lend them as trees."""
