"""What can be seen of the gateway at work: one record of each exchange, told to whoever reads such records."""
