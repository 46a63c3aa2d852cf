"""Everything that knows DynamoDB: items, keys, conditions."""
