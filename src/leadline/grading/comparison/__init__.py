"""Whether two answers are equal: by structure, by value at points, by algebra."""
