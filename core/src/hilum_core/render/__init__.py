"""RENDER: applies chains of transforms, once per object and chain; what fails is never sent untransformed."""
