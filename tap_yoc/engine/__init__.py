"""Reading reports: which days, page by page, checked against their totals; knows neither the Singer SDK nor sockets."""
