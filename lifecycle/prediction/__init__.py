"""What is to be expected of a customer, from nothing but the dates and the amounts of her orders.

Numbers in, numbers out: nothing here knows a database, a shop or a page. `histories` makes arrays of orders, `choice`
fits the models, back-tests them on the shop's own past and says which one is used and why, `scores` asks the chosen
one about everybody at once, and `one` about a single customer without loading numpy.

This package names nothing at its top on purpose: numpy and scipy cost a process some 40 MB, so whoever needs them
imports the module by its name, inside the nightly run or the command, and a web process never does.
"""
