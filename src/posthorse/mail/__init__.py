"""The words of the gateway: values and rules that every room shares; pure, without I/O of any kind."""
