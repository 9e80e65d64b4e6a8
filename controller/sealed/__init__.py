"""SealedSecrets in the cluster: keys, reconcile and the certificate over HTTP."""
