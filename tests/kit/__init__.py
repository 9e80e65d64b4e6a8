"""The real programs that tests, demo and bench run against: find, build and start them.

table, buildinfo, gotool, build, programs    which programs, at which versions, and how to get each one
cache                                        where they are kept, and the locks that let parallel runs build once
keeper, process                              children that never outlive the process that wanted them
pki, kubeconfig, apicalls, metrics           certificates, log-ins, plain API calls, counting the server's requests
controlplane, kwok                           etcd, API server, controllers, scheduler and pretended nodes on loopback
netns, incluster                             private network and mount namespaces for what loopback cannot show
"""
