"""`kseal sops`: the verbs, one file each, over the functions of `sealer.sops`."""
