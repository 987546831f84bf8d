using Pith.Compression.Data;

namespace Pith.Compression.Training;

/// <summary>What the validation set is used for while training.</summary>
public enum ValidationMode
{
    /// <summary>Not used.</summary>
    None,
    /// <summary>Evaluated after each epoch, for the log only.</summary>
    Observe,
    /// <summary>Evaluated after each epoch; the model of the best epoch is kept (of equals the earliest).</summary>
    KeepBest,
}

/// <summary>
/// How a network is trained: shared by the recipe steps <c>train</c>, <c>finetune</c> and <c>qat</c> and the verbs of the same names. Immutable, value-equal, JSON in snake_case.
/// Together with the model and the data it decides the result bit for bit; the number of threads does not.
/// </summary>
public sealed record TrainingSettings
{
    /// <summary>The most epochs that are accepted.</summary>
    public const int MaxEpochs = 10_000;

    /// <summary>Defaults for training from a random start (He et al., "Deep residual learning", 2015, section 4.2, with a cosine).</summary>
    public static TrainingSettings FromScratch { get; } = new();

    /// <summary>Defaults for recovering from pruning: a tenth of the rate, no warm-up.</summary>
    public static TrainingSettings FineTune { get; } = new() { Epochs = 10, LearningRate = 0.01 };

    /// <summary>Defaults for quantization-aware training: about a tenth of the schedule at a hundredth of the rate.</summary>
    public static TrainingSettings QuantizationAware { get; } = new() { Epochs = 3, LearningRate = 0.001, FreezeNormAfter = 0.5 };

    /// <summary>How often each training image is seen.</summary>
    public int Epochs { get; init; } = 30;

    /// <summary>Images of one step. A last batch that is not full is left out; another shuffle leaves out others.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>The base learning rate, before <see cref="Schedule"/>.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>The update rule.</summary>
    public OptimizerSettings Optimizer { get; init; } = new SgdSettings();

    /// <summary>How the rate changes from step to step.</summary>
    public Schedule Schedule { get; init; } = new CosineSchedule();

    /// <summary>The share of the target that is spread evenly over all classes, 0 to below 1 (Szegedy et al., "Rethinking the Inception architecture", 2016, section 7).</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>
    /// What the exponential moving average of weights and batch norm statistics keeps from step to step, above 0 and below 1 (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992); at step t it is at most (1 + t) / (10 + t).
    /// The averages are validated and written instead of the weights. Null: no average is kept.
    /// </summary>
    public double? EmaDecay { get; init; }

    /// <summary>The largest norm of all gradients together; larger ones are scaled down to it. Null: no limit.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Pixels of padding on each side from which training images are cut at random; 0: none.</summary>
    public int CropPadding { get; init; } = 4;

    /// <summary>Whether half the training images are mirrored.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>Further augmentations, such as random resized crop, RandAugment and mixup; null: none. A resized crop takes the place of <see cref="CropPadding"/>.</summary>
    public AugmentationPolicy? Augment { get; init; }

    /// <summary>The teacher: the name of an earlier stage in a recipe, a model file on the command line. Null: learn from labels only.</summary>
    public string? Teacher { get; init; }

    /// <summary>The teacher's share of the loss, 0 to 1; the labels have the rest (Hinton et al., "Distilling the knowledge in a neural network", 2015).</summary>
    public double TeacherWeight { get; init; } = 0.5;

    /// <summary>Logits of teacher and student are divided by this value before their distributions are compared; above 1 softens them.</summary>
    public double Temperature { get; init; } = 4;

    /// <summary>
    /// The share of the run's optimiser steps, 0 to 1, after which batch norm uses its running statistics and no longer those of the batch, rounded to whole steps: 0.5 of 3 epochs of 100 steps is step 150. 1: never, 0: throughout.
    /// </summary>
    public double FreezeNormAfter { get; init; } = 1;

    /// <summary>
    /// Whether batch norm normalizes with the statistics of the batches of all processes together, where several train one network; otherwise each process takes those of its own part (Peng et al., "MegDet", 2018, section 3.3). Of one process it changes nothing.
    /// </summary>
    public bool SyncNorm { get; init; }

    /// <summary>What the operands of products are rounded to. Not part of what a checkpoint is recognized by: it records what it was trained in, and a run that goes on from it keeps that.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>Which activations the backward pass computes again, to need less memory. Changes no result.</summary>
    public RecomputeMode Recompute { get; init; }

    /// <summary>What the validation set is used for.</summary>
    public ValidationMode Validation { get; init; }

    /// <summary>Training ends after this many epochs without a better top-1 on the validation set. Null: it never ends early.</summary>
    public int? Patience { get; init; }

    /// <summary>Decides the order of the images and their augmentation.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range; the message names it as in JSON.</exception>
    public void Check()
    {
        FieldRange.Require("epochs", Epochs, 1, MaxEpochs);
        FieldRange.Require("batch_size", BatchSize, 2, 65_536);
        FieldRange.Require("learning_rate", LearningRate, double.Epsilon, 100);
        FieldRange.Require("label_smoothing", LabelSmoothing, 0, 0.999);
        if (ClipNorm is { } norm) FieldRange.Require("clip_norm", norm, double.Epsilon, 1e9);
        if (EmaDecay is { } decay) FieldRange.Require("ema_decay", decay, double.Epsilon, 0.999999);
        FieldRange.Require("crop_padding", CropPadding, 0, 1024);
        if (Augment is { Crop: not null } policy && CropPadding != 0 && CropPadding != FromScratch.CropPadding)
            throw new PithException($"'crop_padding' is {CropPadding}, but the resized-crop of 'augment' ('{policy}') takes its place. Leave one of both out.");
        FieldRange.Require("teacher_weight", TeacherWeight, 0, 1);
        FieldRange.Require("freeze_norm_after", FreezeNormAfter, 0, 1);
        FieldRange.Require("temperature", Temperature, double.Epsilon, 1000);
        if (Patience is { } patience) FieldRange.Require("patience", patience, 1, MaxEpochs);
        if (Patience is not null && Validation == ValidationMode.None) throw new PithException("'patience' ends training by the accuracy on validation images: set 'validation' to keep_best (or observe) and name the images (--validation on the command line).");
        if (Teacher is { Length: 0 }) throw new PithException("'teacher': expected the name of a stage or a file, got nothing.");
        Optimizer.Check();
        Schedule.Check();
    }
}
