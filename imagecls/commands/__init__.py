"""The img-* commands, one module each; they are loaded by name when they are called."""

from gocnn.console.heads import Head

HEAD = Head(
    "images",
    {
        "img-augment": (
            "imagecls.commands.img_augment",
            "Show what augmentation makes of a picture.",
        ),
        "img-clean": ("imagecls.commands.img_clean", "List labels that are likely wrong."),
        "img-eval": (
            "imagecls.commands.img_eval",
            "Measure how well a classifier tells pictures apart.",
        ),
        "img-explain": (
            "imagecls.commands.img_explain",
            "Show where a classifier looks, and what its layers see.",
        ),
        "img-export": ("imagecls.commands.img_export", "Write a trained classifier as ONNX."),
        "img-features": (
            "imagecls.commands.img_features",
            "What a layer makes of pictures: numbers, a map of them, neighbours.",
        ),
        "img-look": (
            "imagecls.commands.img_look",
            "Show the classes of photographs, and what is unusual, before training.",
        ),
        "img-predict": ("imagecls.commands.img_predict", "Classify pictures."),
        "img-train": ("imagecls.commands.img_train", "Train a classifier on photographs."),
    },
    describer="imagecls.classifier.describer",
    extra="images",
    pages="imagecls.serve",
    shipping="imagecls.classifier.shipped",
)
