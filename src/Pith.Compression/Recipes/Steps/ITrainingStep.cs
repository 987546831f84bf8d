namespace Pith.Compression.Recipes;

/// <summary>A step that trains: what it trains from, and how.</summary>
internal interface ITrainingStep
{
    /// <summary>How the step trains.</summary>
    TrainingSettings Training { get; }

    /// <summary>Whether the scales of Q/DQ pairs are trained as well.</summary>
    bool LearnsScales => false;

    /// <summary>Makes what is trained, and what is known of it.</summary>
    StepOutcome Prepare(Graph graph, StepContext context);
}
