"""How an operator begins: what `rrdnsd init` and `rrdnsd adopt` look at, try, propose and write."""
