"""The twelve metrics that Liu et al. compared, IEEE Trans. Pattern Analysis and Machine Intelligence 34(1), 2012.

What Z. Liu's published toolkit does otherwise than the papers is a keyword of `of_levels`, whose default is sound.
"""
