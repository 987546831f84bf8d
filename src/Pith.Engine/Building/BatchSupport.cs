namespace Pith.Building;

/// <summary>Where operands and results of a layer may have the batch.</summary>
internal enum BatchSupport
{
    /// <summary>In the outermost axis of operands and results, whose other sizes are fixed.</summary>
    OuterAxis,

    /// <summary>In any axis: every size that may grow is asked for at the run's batch.</summary>
    AnyAxis,
}
