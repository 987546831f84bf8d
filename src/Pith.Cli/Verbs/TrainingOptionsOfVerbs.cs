using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>The options of the verbs that train.</summary>
internal static class TrainingOptionsOfVerbs
{
    public static IReadOnlyList<SettingOption> All() =>
    [
        SettingOption.Count("--epochs", "epochs", "Number of passes over the training images."),
        SettingOption.Count("--batch", "batch_size", "Images per optimizer step; under mpirun, of all ranks together."),
        SettingOption.Number("--lr", "learning_rate", "Base learning rate."),
        SettingOption.Text("--optimizer", "optimizer.kind", "sgd or adamw."),
        SettingOption.Number("--momentum", "optimizer.momentum", "Momentum of SGD."),
        SettingOption.Flag("--nesterov", "optimizer.nesterov", "Nesterov momentum."),
        SettingOption.Number("--weight-decay", "optimizer.weight_decay", "Weight decay."),
        SettingOption.Text("--schedule", "schedule.kind", "cosine, polynomial, constant, step or warm_up; more in --settings."),
        SettingOption.Number("--label-smoothing", "label_smoothing", "Label smoothing: share of the target that is distributed over all classes."),
        SettingOption.Number("--clip-norm", "clip_norm", "Largest global gradient norm; larger gradients are scaled down to it."),
        SettingOption.Number("--freeze-norm-after", "freeze_norm_after", "Share of the steps, 0 to 1, after which batch norm uses its running statistics; 1: never."),
        SettingOption.Flag("--sync-norm", "sync_norm", "Compute batch norm statistics over the global batch of all MPI ranks, not over each rank's share. Slower; no effect without mpirun."),
        SettingOption.Number("--ema-decay", "ema_decay", "Exponential moving average of the weights, with this decay (0.999, say): it is validated and written instead of the weights."),
        SettingOption.Count("--crop-padding", "crop_padding", "Random cropping: pixels of padding around each training image before it is cropped; 0 disables it."),
        SettingOption.Flag("--no-flip", "flip", "Do not flip training images at random.", value: false),
        SettingOption.Text("--augment", "augment", $"Further augmentations, a list of: {AugmentationCatalog.Summary}.", "list"),
        SettingOption.Text("--teacher", "teacher", "Teacher model for distillation.", "model"),
        SettingOption.Number("--teacher-weight", "teacher_weight", "Weight of the distillation loss, 0 to 1."),
        SettingOption.Number("--temperature", "temperature", "Distillation temperature: logits are divided by this value."),
        SettingOption.Count("--patience", "patience", "Stop when validation accuracy has not improved for this many epochs; needs --validation."),
        SettingOption.Text("--precision", "precision", "Operands of convolutions and matrix products: fp32, bf16 (mixed precision: rounded to bfloat16, with float32 weights and sums) or auto, which is bf16 where the CPU multiplies it faster."),
        SettingOption.Text("--recompute", "recompute", "Activations that the backward pass computes again to save memory: none, selective (all but results of convolutions and matrix products) or full (all but a few tensors). The result is the same."),
        SettingOption.Count("--seed", "seed", "Random seed for the order and augmentation of the images."),
    ];
}
