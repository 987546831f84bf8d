using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>What the steps that train have in common.</summary>
internal static class TrainingRun
{
    /// <summary>What a float network is trained from; layers that were pruned stay so.</summary>
    public static StepOutcome Prepare(Graph graph, StepContext context)
    {
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        // Regular forms of what other programs write differently; batch norm stays, to be trained.
        PassRunner.RunToFixpoint(start, Pipelines.SimplifyKeepingBatchNorm, context.Events);
        return new StepOutcome(start);
    }

    /// <summary>Trains a float network.</summary>
    public static StepOutcome Apply(Graph graph, ITrainingStep step, StepContext context)
    {
        var result = Train(Prepare(graph, context).Graph, step, context);
        return new StepOutcome(result.Model) { Training = result.Summary };
    }

    /// <summary>Trains what a step has prepared, with the context's data.</summary>
    public static TrainingResult Train(Graph start, ITrainingStep step, StepContext context) => TrainingLoop.Run(start, DataFor(start, context), step.Training, OptionsFor(start, step, context));

    /// <summary>Sweeps the learning rate over what a step would train; nothing is kept but the losses.</summary>
    public static RateSweep SweepRates(Graph graph, ITrainingStep step, StepContext context)
    {
        var start = step.Prepare(graph, context).Graph;
        return TrainingLoop.SweepRates(start, DataFor(start, context), step.Training, OptionsFor(start, step, context));
    }

    private static TrainingData DataFor(Graph graph, StepContext context)
    {
        var train = context.RequireTrainingData();
        return new TrainingData(train, context.ValidationData, context.PreprocessingOf(graph, train));
    }

    private static TrainingOptions OptionsFor(Graph start, ITrainingStep step, StepContext context)
    {
        var settings = step.Training;
        return new TrainingOptions
        {
            Task = context.Stage,
            Threads = context.Threads > 0 ? context.Threads : context.Group.Threads,
            Masks = SparsityRecord.RecoverMasks(start),
            LearnScales = step.LearnsScales,
            Teacher = settings.Teacher is { } teacher ? InFloat32(context.FindModel(teacher)) : null,
            CheckpointPath = context.CheckpointPath,
            CheckpointKey = context.Key,
            CheckpointSeconds = context.CheckpointSeconds,
            TensorBoardFolder = context.TensorBoardFolder,
            Group = context.Group,
            Events = context.Events,
            Cancellation = context.Cancellation,
        };
    }

    private static Graph InFloat32(Graph teacher) => Float32Form.IsNeeded(teacher) ? Float32Form.Of(teacher) : teacher;
}
