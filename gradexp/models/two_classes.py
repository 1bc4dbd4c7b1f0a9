"""Models of two classes alone."""


def check_two_classes(model: str, num_classes: int, instead: str) -> None:
    """Hold the data's number of classes against a model for two.

    Args:
        model: Its name.
        num_classes: Of the data.
        instead: What to type where there are more.

    Raises:
        ValueError: There are more.
    """
    if num_classes != 2:
        raise ValueError(f"{model} needs data of 2 classes; got {num_classes}. For more there is {instead}.")
