"""ROUTE: reads the header of each new object, asks the filters of every route, writes deliveries."""
