namespace Pith.Compression.Sparsity;

/// <summary>A network of a forecast that was built.</summary>
internal sealed class ForecastNetwork : IDisposable
{
    private long? _planBytes;

    public ForecastNetwork(Engine engine)
    {
        Engine = engine;
        try
        {
            Context = engine.CreateContext();
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    public Engine Engine { get; }

    public EngineContext Context { get; }

    /// <summary>Bytes of the plan's file.</summary>
    public long PlanBytes => _planBytes ??= BytesOfPlan(Engine);

    /// <summary>The form of weights that the layer of an index runs with.</summary>
    public string FormOf(int index)
    {
        var layer = Engine.Layers[index];
        return layer.Verdicts.First(verdict => verdict.Tactic == layer.Tactic).WeightForm;
    }

    public void Dispose()
    {
        Context.Dispose();
        Engine.Dispose();
    }

    private static long BytesOfPlan(Engine engine)
    {
        var folder = Directory.CreateTempSubdirectory("pith-forecast-");
        try
        {
            var plan = Path.Combine(folder.FullName, "network.plan");
            engine.Save(plan);
            return new FileInfo(plan).Length;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
