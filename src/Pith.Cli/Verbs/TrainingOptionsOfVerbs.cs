namespace Pith.Cli.Verbs;

/// <summary>The options of the verbs that train.</summary>
internal static class TrainingOptionsOfVerbs
{
    public static IReadOnlyList<SettingOption> All() =>
    [
        SettingOption.Count("--epochs", "epochs", "How often each training image is seen."),
        SettingOption.Count("--batch", "batch_size", "Images of one step."),
        SettingOption.Number("--lr", "learning_rate", "The base learning rate."),
        SettingOption.Text("--optimizer", "optimizer.kind", "sgd or adamw."),
        SettingOption.Number("--momentum", "optimizer.momentum", "Momentum of SGD."),
        SettingOption.Flag("--nesterov", "optimizer.nesterov", "Nesterov momentum."),
        SettingOption.Number("--weight-decay", "optimizer.weight_decay", "Weight decay."),
        SettingOption.Text("--schedule", "schedule.kind", "cosine, constant, step or warm_up; more in --settings."),
        SettingOption.Number("--label-smoothing", "label_smoothing", "Share of the target that is spread over all classes."),
        SettingOption.Number("--clip-norm", "clip_norm", "The largest norm of all gradients together."),
        SettingOption.Count("--crop-padding", "crop_padding", "Pixels of padding from which training images are cut at random; 0: none."),
        SettingOption.Flag("--no-flip", "flip", "Do not mirror training images.", value: false),
        SettingOption.Text("--teacher", "teacher", "A model to learn from besides the labels (distillation).", "model"),
        SettingOption.Number("--teacher-weight", "teacher_weight", "The teacher's share of the loss, 0 to 1."),
        SettingOption.Number("--temperature", "temperature", "By what logits are divided for distillation."),
        SettingOption.Count("--seed", "seed", "Order and augmentation of the images."),
    ];
}
