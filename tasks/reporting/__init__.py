"""What people see of a night: its charts, its report page, and its summary as one object.

Last stage of a night; it reads what the other stages handed over and decides nothing.
"""
