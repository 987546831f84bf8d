using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Compression.Training;

/// <summary>A finished network whose logits another one learns from.</summary>
internal sealed class Teacher : IDisposable
{
    private readonly ClassifierSignature _signature;
    private readonly string _logitsInput;
    private readonly Engine _engine;
    private readonly EngineContext _context;

    /// <param name="graph">The teacher.</param>
    /// <param name="student">What the student takes and gives.</param>
    /// <param name="logitsInput">The input of the student's training graph for the teacher's logits.</param>
    /// <param name="batch">Images of one step.</param>
    /// <param name="threads">Threads; 0 means one per processor.</param>
    /// <exception cref="PithException">Teacher and student do not take the same images or give the same classes.</exception>
    public Teacher(Graph graph, ClassifierSignature student, string logitsInput, int batch, int threads)
    {
        _signature = ClassifierSignature.Of(graph);
        // Several inputs lie in a batch in the network's order.
        string[] names = [.. _signature.Input.Inputs.Select(input => input.Name)], others = [.. student.Input.Inputs.Select(input => input.Name)];
        if (_signature.Image != student.Image || _signature.Classes != student.Classes || names.Length != others.Length || (names.Length > 1 && !names.SequenceEqual(others)))
            throw new PithException($"The teacher '{graph.Name}' takes {SymbolSizes.Text(_signature.Input.Inputs)} and gives {_signature.Classes} classes, the student takes {SymbolSizes.Text(student.Input.Inputs)} and gives {student.Classes}. Choose a teacher for the same task.");
        _logitsInput = logitsInput;
        _engine = EngineBuilder.Build(BeforeSoftmax(graph), new EngineOptions { MaxBatch = batch, Threads = threads, TimeTactics = false });
        _context = _engine.CreateContext();
    }

    /// <summary>Writes the teacher's logits for a batch into the student's input.</summary>
    public void Answer(Batch batch, EngineContext student)
    {
        var images = batch.ImagesInUse;
        var logits = student.Input<float>(_logitsInput);
        // A teacher whose file fixes the batch answers in parts; results after the last image of the last run are ignored.
        var part = _signature.Input.FixedBatch ?? batch.Count;
        for (var first = 0; first < batch.Count; first += part)
        {
            var count = Math.Min(part, batch.Count - first);
            _signature.Input.Write(images.Slice(first * _signature.Image.Elements, count * _signature.Image.Elements), _context);
            _context.Run(_signature.Input.FixedBatch ?? count);
            _signature.Scores(_context)[..(count * _signature.Classes)].CopyTo(logits[(first * _signature.Classes)..]);
        }
    }

    /// <summary>The teacher without the softmax that some networks end in: the loss softens logits itself.</summary>
    private static Graph BeforeSoftmax(Graph graph)
    {
        if (graph.Outputs[0].Producer?.Op is not Softmax) return graph;
        var bare = graph.Clone();
        var probabilities = bare.Outputs[0];
        bare.ReplaceAllUses(probabilities, probabilities.Producer!.Inputs[0]!);
        return bare;
    }

    public void Dispose()
    {
        _context.Dispose();
        _engine.Dispose();
    }
}
