"""What every section of a recipe is: frozen, without unknown keys, its numbers numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

__all__ = ["Count", "Name", "Rate", "RecipeSection", "Share", "TokenCap"]

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
TokenCap = Annotated[int, Field(ge=1, le=2**20)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=-]{0,63}$")]


class RecipeSection(BaseModel):
    """Unknown keys and wrong types are refused; every default is checked as what is given."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML's ``yes`` is true, and true is no 1."""
        wanted = str(cls.model_fields[str(info.field_name)].annotation)
        if isinstance(value, bool) and "bool" not in wanted:
            raise ValueError("true and false are no values here")
        return value
