"""The filter itself."""

from __future__ import annotations

from pydicom.dataset import Dataset

from hilum_filter_tags.clauses import Facts, Where
from hilum_filter_tags.config import TagsConfig
from hilum_sdk import ComponentContext, Filter, Instance


class TagsFilter(Filter):
    """Matches an object if everything that its config says holds. Never raises."""

    config: TagsConfig

    def __init__(self, config: TagsConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        where = config.where or Where()
        self.needs = where.needs()
        self._elements = where.clauses
        self._facts = (config.association or Facts()).clauses

    def matches(self, header: Dataset, instance: Instance) -> bool:
        """Ask the association first, which costs nothing, then the elements."""
        return all(fact.holds(instance.association) for fact in self._facts) and all(
            element.holds(header, instance) for element in self._elements
        )

    def explain(self, header: Dataset, instance: Instance) -> str:
        """Name what does not hold, with the values; or all that holds."""
        came_on = instance.association
        said = [(fact.holds(came_on), fact.explain(came_on)) for fact in self._facts]
        said += [(one.holds(header, instance), one.explain(header, instance)) for one in self._elements]
        failed = [text for holds, text in said if not holds]
        if failed:
            return "does not match: " + "; ".join(failed)
        return "matches: " + "; ".join(text for _, text in said)
