"""Letters of a template and a list of recipients: fields, columns, checks, printing, words."""
