"""Association rules: baskets, frequent itemsets, rules that chance does not explain.

Its step reads baskets, finds the itemsets that are frequent in them, and writes the rules that hold.
"""
