"""The real programs that tests, demo and bench run against: find, build and start them.

table, buildinfo, gotool, build, programs    which programs, at which versions, and how to get each one
cache, share                                 where they are kept, with the data files that they bring; locks
keeper, process                              children that never outlive the process that wanted them
pki, kubeconfig, apicalls, metrics           certificates, log-ins, plain API calls, counting the server's requests
servers, controlplane, kwok                  etcd, API server, controllers, scheduler, pretended nodes
sandbox, netns, serviceproxy, pod            private networks and mounts, for what plain loopback cannot show
running                                      our controller and the original's as child processes
warm, warmserver                             the command line without its start, for hundreds of calls
real                                         what a test does when a program cannot be had
tree, installs                               this repository's own files as text, and what must not stand in them
demo and demo_*                              the guided tour of `make demo`
"""
