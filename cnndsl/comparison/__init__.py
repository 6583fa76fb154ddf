"""Several networks beside each other: what each computes and costs, and how accurate others have found it."""
