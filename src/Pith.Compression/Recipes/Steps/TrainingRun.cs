using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>What the steps that train have in common.</summary>
internal static class TrainingRun
{
    /// <summary>Trains a float network; layers that were pruned stay so.</summary>
    public static StepOutcome Apply(Graph graph, TrainingSettings settings, StepContext context)
    {
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        // Regular forms of what other programs write differently; batch norm stays, to be trained.
        PassRunner.RunToFixpoint(start, Pipelines.SimplifyKeepingBatchNorm, context.Events);
        var result = Train(start, settings, SparsityRecord.RecoverMasks(start), context);
        return new StepOutcome(result.Model) { Training = result.Summary };
    }

    /// <summary>Runs the trainer with the context's data.</summary>
    public static TrainingResult Train(Graph graph, TrainingSettings settings, IReadOnlyDictionary<string, Mask24> masks, StepContext context)
    {
        var train = context.RequireTrainingData();
        var data = new TrainingData(train, context.ValidationData, context.PreprocessingOf(graph, train));
        return TrainingLoop.Run(graph, data, settings, new TrainingOptions
        {
            Task = context.Stage,
            Threads = context.Threads,
            Masks = masks,
            Teacher = settings.Teacher is { } teacher ? InFloat32(context.FindModel(teacher)) : null,
            CheckpointPath = context.CheckpointPath,
            CheckpointKey = context.Key,
            CheckpointSeconds = context.CheckpointSeconds,
            Group = context.Group,
            Events = context.Events,
            Cancellation = context.Cancellation,
        });
    }

    private static Graph InFloat32(Graph teacher) => Float32Form.IsNeeded(teacher) ? Float32Form.Of(teacher) : teacher;
}
