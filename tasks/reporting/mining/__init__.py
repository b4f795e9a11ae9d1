"""What mining found, as the report shows it: one module per kind, from its folder to charts and words."""
