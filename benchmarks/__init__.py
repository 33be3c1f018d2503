"""Speed, measured beside peers in the same run; `postoffice bench WHAT` runs them."""
