"""Computing: compiled loops, threads of linear algebra, and processes beside this one."""
