"""What goes out: the checklist as a workbook, as tables in the terminal."""
