using Pith.Ops;
using Pith.Passes;

namespace Pith.Training;

/// <summary>Copies an inference graph into its training form, node by node.</summary>
internal sealed class TrainingGraphBuilder(Graph source, TrainingGraphOptions options)
{
    private readonly Graph _graph = new(source.Name);
    private readonly Dictionary<Value, Value> _copies = new(ReferenceEqualityComparer.Instance);
    private readonly List<BatchNormStatistics> _statistics = [];

    public TrainingGraph Build()
    {
        if (!(options.DistillationWeight >= 0 && options.DistillationWeight <= 1)) throw new PithException($"The share of the distillation loss must be 0 to 1, got {options.DistillationWeight}.");
        var sourceLogits = Logits();
        var nodes = Ancestors(sourceLogits);
        var found = TrainingParameters.Find(source, nodes);
        var scales = options.LearnScales ? LearnedScale.Find(nodes) : [];
        IReadOnlyList<(Value Constant, ParameterKind Kind)> parameters = [.. found.Trained, .. scales.Select(scale => (scale.Constant, ParameterKind.Scale))];
        if (found.Trained.Count == 0) throw new PithException($"Graph '{source.Name}' has no float weights that training could change; start from the unquantized model.");

        foreach (var input in source.Inputs) _copies[input] = _graph.AddInput(input.Name, input.Type);
        var perClass = sourceLogits.Type.With([sourceLogits.Type[0], sourceLogits.Type[1]]);
        var labels = _graph.AddInput(Unused("labels"), options.SoftLabels ? perClass : new TensorType(DataType.Int32, [sourceLogits.Type[0]]));
        var teacher = options.DistillationWeight > 0 ? _graph.AddInput(Unused("teacher_logits"), perClass) : null;
        foreach (var (constant, _) in parameters) _copies[constant] = _graph.AddInput(constant.Name, constant.Type);
        foreach (var constant in source.Constants) if (!_copies.ContainsKey(constant)) _copies[constant] = _graph.AddConstant(constant.Name, constant.Constant!);
        foreach (var node in nodes) CopyNode(node);

        var logits = AsMatrix(_copies[sourceLogits]);
        var loss = AddLoss(logits, labels, teacher);
        var gradients = Autodiff.Build(_graph, loss, [.. parameters.Select(parameter => _copies[parameter.Constant])]).ToArray();
        for (var i = 0; i < scales.Count; i++)
        {
            ref var gradient = ref gradients[found.Trained.Count + i];
            gradient = _graph.Add(new Mul(), gradient, _graph.AddConstant($"{scales[i].Constant.Name}/grad/factor", Tensor.Scalar(scales[i].GradientFactor)));
        }
        return Finish(labels, teacher, loss, logits, parameters, gradients) with { Untrained = found.Untrained };
    }

    private TrainingGraph Finish(
        Value labels, Value? teacher, Value loss, Value logits, IReadOnlyList<(Value Constant, ParameterKind Kind)> parameters, IReadOnlyList<Value> gradients)
    {
        var outputs = new Value[] { loss, logits }.Concat(gradients).Concat(_statistics.SelectMany(norm => new[] { norm.BatchMean, norm.BatchVariance }));
        // Two parameters may share one gradient (the operands of an Add): each gets an output of its own.
        foreach (var output in outputs) _graph.AddOutput(output.Producer is null || output.IsGraphOutput ? _graph.Add(new Identity(), output) : output);
        new RemoveDeadNodes().Apply(_graph);
        GraphVerifier.Verify(_graph);
        return new TrainingGraph
        {
            Graph = _graph,
            Inference = source,
            Labels = labels,
            TeacherLogits = teacher,
            Loss = loss,
            Logits = _graph.Outputs[1],
            Parameters = [.. parameters.Select((parameter, i) => new TrainingParameter(
                parameter.Constant.Name, parameter.Kind, _copies[parameter.Constant], _graph.Outputs[2 + i], parameter.Constant.Constant!.As<float>()))],
            Statistics = _statistics,
        };
    }

    /// <summary>The network's answer before a final softmax.</summary>
    private Value Logits()
    {
        if (source.Outputs.Count == 0) throw new PithException($"Graph '{source.Name}' has no output.");
        var output = source.Outputs[0];
        while (output.Producer is { Op: Softmax or LogSoftmax or Identity or Dropout } last) output = last.Inputs[0]!;
        var isClassifier = output.Type is { DataType: DataType.Float32, Rank: >= 2 } && output.Type.Dims.Skip(2).All(dim => dim == 1);
        return isClassifier ? output : throw new PithException($"Training needs logits [N, K] as the first output of graph '{source.Name}', got '{output.Name}' {output.Type}.");
    }

    /// <summary>The nodes that <paramref name="value"/> depends on, in execution order.</summary>
    private List<Node> Ancestors(Value value)
    {
        var needed = new HashSet<Value>(ReferenceEqualityComparer.Instance) { value };
        var nodes = new List<Node>();
        foreach (var node in source.Nodes.Reverse())
        {
            if (!node.Outputs.Any(needed.Contains)) continue;
            needed.UnionWith(node.Inputs.OfType<Value>());
            nodes.Add(node);
        }
        nodes.Reverse();
        return nodes;
    }

    private void CopyNode(Node node)
    {
        if (node.Op is Dropout)
        {
            _copies[node.Output] = _copies[node.Inputs[0]!];
            return;
        }
        if (!options.FreezeBatchNorm && node is { Op: BatchNormalization norm } && node.Input(3)?.Constant is { } mean && node.Input(4)?.Constant is { } variance)
        {
            CopyBatchNorm(node, norm, mean.As<float>(), variance.As<float>());
            return;
        }
        var copy = _graph.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : _copies[input])], node.Name, [.. node.Outputs.Select(output => output.Name)]);
        for (var i = 0; i < copy.Outputs.Count; i++) _copies[node.Outputs[i]] = copy.Outputs[i];
    }

    private void CopyBatchNorm(Node node, BatchNormalization norm, Tensor<float> mean, Tensor<float> variance)
    {
        var copy = _graph.AddNode(
            new BatchNormTraining { Epsilon = norm.Epsilon }, [.. node.Inputs.Take(3).Select(input => _copies[input!])], node.Name,
            [node.Output.Name, $"{node.Name}/batch_mean", $"{node.Name}/batch_variance"]);
        _copies[node.Output] = copy.Output;
        _statistics.Add(new(node.Inputs[3]!.Name, node.Inputs[4]!.Name, copy.Outputs[1], copy.Outputs[2], mean, variance, norm.Momentum));
    }

    /// <summary>Drops the spatial axes of size 1 that some networks have after the classes.</summary>
    private Value AsMatrix(Value logits) => logits.Type.Rank == 2 ? logits : _graph.Add(new Flatten(), logits);

    private Value AddLoss(Value logits, Value labels, Value? teacher)
    {
        var loss = _graph.AddNode(new SoftmaxCrossEntropy { LabelSmoothing = options.LabelSmoothing }, [logits, labels], "loss").Output;
        if (teacher is null) return loss;
        var distillation = _graph.AddNode(new DistillationLoss { Temperature = options.DistillationTemperature }, [logits, teacher], "distillation_loss").Output;
        var weighted = _graph.Add(new Mul(), distillation, _graph.AddConstant("distillation_weight", Tensor.Scalar(options.DistillationWeight)));
        return _graph.Add(new Add(), weighted, _graph.Add(new Mul(), loss, _graph.AddConstant("label_weight", Tensor.Scalar(1 - options.DistillationWeight))));
    }

    private string Unused(string name)
    {
        while (source.Find(name) is not null) name += "_";
        return name;
    }
}
