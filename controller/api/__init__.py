"""The custom resources that kseal reads, one file each."""
