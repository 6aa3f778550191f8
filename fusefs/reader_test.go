package fusefs_test

func reader() int { return 0 }
