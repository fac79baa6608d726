"""A task that ships with the tests only: how lively a lead is. It stands for every task that is added later."""
