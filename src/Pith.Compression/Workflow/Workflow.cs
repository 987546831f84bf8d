using Pith.Compression.Data;

namespace Pith;

/// <summary>What the calls of the library have in common: each is the recipe step of the same name.</summary>
internal static class Workflow
{
    public static StepOutcome Run(RecipeStep step, Graph graph, ImageDataset? images, WorkOptions? options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        options ??= new WorkOptions();
        step.Check();
        return step.Run(graph, new StepContext
        {
            Stage = options.Name ?? step.Kind,
            TrainingData = images,
            ValidationData = options.Validation,
            Preprocess = options.Preprocess,
            Threads = options.Threads,
            FindModel = name => options.Teacher ?? OnnxModel.Load(name),
            CheckpointPath = options.CheckpointPath,
            Events = options.Progress,
            Cancellation = options.Cancellation,
        });
    }

    /// <summary>Training settings that learn from the teacher of the options; a file that the settings name stays.</summary>
    public static TrainingSettings WithTeacher(TrainingSettings? settings, WorkOptions? options)
    {
        settings ??= new TrainingSettings();
        return options?.Teacher is { } teacher ? settings with { Teacher = teacher.Name } : settings;
    }
}
