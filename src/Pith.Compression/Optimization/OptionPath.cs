namespace Pith.Compression.Optimization;

/// <summary>
/// The choices that nothing beats by prediction, from the most accurate to the fastest: to first order, the energies of the errors that layers cause add up at the outputs, and so do times. Then for every price of a
/// microsecond each layer has a best option by itself, a corner of the lower convex hull of its options, and going down in price changes one layer at a time (the Lagrangian relaxation of the multiple-choice knapsack problem).
/// Immutable; equal numbers give equal paths.
/// </summary>
internal sealed class OptionPath
{
    private readonly IReadOnlyList<OptimizedLayer> _layers;
    private readonly Step[] _steps;
    private readonly LayerOption[] _first;

    /// <param name="layers">The layers, in execution order.</param>
    public OptionPath(IReadOnlyList<OptimizedLayer> layers)
    {
        _layers = layers;
        var hulls = layers.Select(layer => Hull(layer.Options)).ToArray();
        _first = [.. hulls.Select(hull => hull[0])];
        // Along a hull prices fall, so a layer's own steps stay in order.
        _steps = [.. hulls.SelectMany((hull, layer) => hull.Skip(1).Select((option, i) => new Step(layer, option, (option.Error - hull[i].Error) / (hull[i].Microseconds - option.Microseconds)))).OrderBy(step => step.Price).ThenBy(step => step.Layer)];
    }

    /// <summary>The number of steps from the most accurate choice to the fastest.</summary>
    public int Steps => _steps.Length;

    /// <summary>The option of each layer by its name after some steps.</summary>
    /// <param name="steps">0 to <see cref="Steps"/>.</param>
    public IReadOnlyDictionary<string, LayerOption> After(int steps)
    {
        var chosen = _first.ToArray();
        foreach (var step in _steps.Take(steps)) chosen[step.Layer] = step.Option;
        return _layers.Select((layer, i) => (layer.Layer, Option: chosen[i])).ToDictionary(entry => entry.Layer, entry => entry.Option, StringComparer.Ordinal);
    }

    /// <summary>The time of all layers together after some steps.</summary>
    public double MicrosecondsAfter(int steps) => After(steps).Values.Sum(option => option.Microseconds);

    /// <summary>The corners of the lower convex hull of error over time, from the smallest error to the smallest time.</summary>
    internal static List<LayerOption> Hull(IReadOnlyList<LayerOption> options)
    {
        var current = options.OrderBy(option => option.Error).ThenBy(option => option.Microseconds).First();
        var hull = new List<LayerOption> { current };
        while (true)
        {
            // The least error for the time that it saves; of equal ones the one that saves most.
            var next = options.Where(option => option.Microseconds < current.Microseconds && double.IsFinite(option.Error))
                .OrderBy(option => (option.Error - current.Error) / (current.Microseconds - option.Microseconds)).ThenBy(option => option.Microseconds).FirstOrDefault();
            if (next is null) return hull;
            hull.Add(current = next);
        }
    }

    /// <summary>Another option for a layer.</summary>
    /// <param name="Layer">Its index.</param>
    /// <param name="Option">The option.</param>
    /// <param name="Price">Error for a microsecond.</param>
    private sealed record Step(int Layer, LayerOption Option, double Price);
}
