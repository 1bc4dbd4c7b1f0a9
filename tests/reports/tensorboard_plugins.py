"""TensorBoard's own code for the tabs Custom Scalars and Text."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its own copy of html5lib
    from tensorboard.plugin_util import markdown_to_safe_html
    from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

__all__ = ["CustomScalarsPlugin", "markdown_to_safe_html"]
