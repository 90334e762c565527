UPDATE api_keys SET environment = 'test';
