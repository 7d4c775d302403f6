"""The page's server: it carries requests to the library and answers back, and does nothing else."""
