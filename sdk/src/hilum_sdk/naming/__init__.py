"""Names for what leaves: templates that users write, and values of strangers made safe.

What stores objects under names, in folders or in buckets, takes them from here::

    layout: Layout = attrs.field(
        default=Layout.parse("{PatientID}/{SOPInstanceUID}.dcm"), metadata=about("The name of a file.")
    )
    place = config.layout.place(item, missing="unknown")
"""

from hilum_sdk.naming.layout import Component, Field, Layout, Place
from hilum_sdk.naming.names import is_safe_name, numbered, safe_name

__all__ = ["Component", "Field", "Layout", "Place", "is_safe_name", "numbered", "safe_name"]
