"""The papers' formulas: advantages, losses, groups, and their settings.

One formula per function. Nothing is imported here, so that settings stay free of torch.
"""
