"""What an operator does to a database: migrations, partitions, deleting for good."""
