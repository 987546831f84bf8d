using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>An image as a classifier saw it.</summary>
/// <param name="Scores">One output per class.</param>
/// <param name="Label">Its class.</param>
internal readonly record struct ScoredImage(ReadOnlyMemory<float> Scores, int Label);

/// <summary>A classifier and the labelled images that it is judged on, checked to fit each other. One caller at a time.</summary>
internal sealed class ClassifierRun
{
    private readonly EngineContext _context;
    private readonly BatchLoader _loader;

    /// <summary>Prepares a run.</summary>
    /// <param name="context">The engine's context; it must not be used otherwise meanwhile.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="preprocessing">How they become the network's input; of a network that takes bytes only the geometry.</param>
    /// <exception cref="PithException">Network and data do not fit each other.</exception>
    public ClassifierRun(EngineContext context, ImageDataset dataset, Preprocessing preprocessing)
    {
        (_context, Signature) = (context, ClassifierSignature.Of(context.Engine));
        _loader = Signature.Load(dataset, preprocessing, new BatchLoaderOptions { BatchSize = context.Engine.MaxBatch });
    }

    /// <summary>What the network takes and gives.</summary>
    public ClassifierSignature Signature { get; }

    /// <summary>The images of the dataset in its order, batch by batch, each once: the short last batch is run as such. A network with a fixed batch runs all of it, and what stands after the last image is not looked at.</summary>
    /// <exception cref="PithException">An image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public IEnumerable<IReadOnlyList<ScoredImage>> Batches(CancellationToken cancellation)
    {
        foreach (var batch in _loader.Epoch())
        {
            cancellation.ThrowIfCancellationRequested();
            Signature.Input.Write(batch.ImagesInUse, _context);
            _context.Run(Signature.Input.FixedBatch ?? batch.Count);
            var scores = Signature.Scores(_context)[..(batch.Count * Signature.Classes)].ToArray();
            var images = new ScoredImage[batch.Count];
            for (var i = 0; i < images.Length; i++) images[i] = new(scores.AsMemory(i * Signature.Classes, Signature.Classes), batch.Labels[i]);
            yield return images;
        }
    }

    /// <summary>Warns of outputs that are NaN or infinite.</summary>
    public void ReportNonFinite(TopKAccuracy accuracy, IProgress<PithEvent>? events)
    {
        if (accuracy.NonFinite > 0) events?.Report(new Warning($"The network '{Signature.Model}' outputs NaN or infinity for {accuracy.NonFinite} of {accuracy.Count} images; an image whose class has a NaN counts as wrong."));
    }
}
