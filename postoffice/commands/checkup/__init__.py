"""What `postoffice doctor` looks at: machine, servers, work, the outside world. Each check tells lines and raises nothing."""
